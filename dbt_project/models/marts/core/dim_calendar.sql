{%- set event_days_cap = 30 %}

with calendar as (

    select * from {{ source_model('calendar') }}

),

weeks as (

    select * from {{ ref('int_calendar_weeks') }}

),

nearest_events as (

    select
        date,
        max(case when event_name_1 is not null then date end) over (
            order by date
            rows between unbounded preceding and current row
        ) as previous_event_date,
        min(case when event_name_1 is not null then date end) over (
            order by date
            rows between current row and unbounded following
        ) as next_event_date
    from calendar

),

final as (

    select
        ---------- days
        calendar.date,
        calendar.day_index,
        calendar.week_id,
        weeks.week_number,
        calendar.weekday,
        calendar.weekday_name,
        cast(extract(day from calendar.date) as integer) as day_of_month,
        cast({{ dbt.datediff(dbt.date_trunc('year', 'calendar.date'), 'calendar.date', 'day') }} as integer) + 1 as day_of_year,
        cast(extract(month from calendar.date) as integer) as month,
        cast(extract(year from calendar.date) as integer) as year,

        ---------- events
        calendar.event_name_1,
        calendar.event_kind_1,
        calendar.event_name_2,
        calendar.event_kind_2,
        case when calendar.event_name_1 is not null then 1 else 0 end as is_event,
        least(
            coalesce({{ dbt.datediff('nearest_events.previous_event_date', 'calendar.date', 'day') }}, {{ event_days_cap }}),
            {{ event_days_cap }}
        ) as days_since_event,
        least(
            coalesce({{ dbt.datediff('calendar.date', 'nearest_events.next_event_date', 'day') }}, {{ event_days_cap }}),
            {{ event_days_cap }}
        ) as days_to_event,
        previous_events.event_name_1 as previous_event_name,
        next_events.event_name_1 as next_event_name

    from calendar
    inner join weeks on calendar.week_id = weeks.week_id
    inner join nearest_events on calendar.date = nearest_events.date
    left join calendar as previous_events on nearest_events.previous_event_date = previous_events.date
    left join calendar as next_events on nearest_events.next_event_date = next_events.date

)

select
    date,
    day_index,
    week_id,
    week_number,
    weekday,
    weekday_name,
    day_of_month,
    day_of_year,
    cast(floor((day_of_year - 1) / 7.0) as integer) + 1 as week_of_year,
    month,
    year,
    event_name_1,
    event_kind_1,
    event_name_2,
    event_kind_2,
    is_event,
    cast(days_since_event as integer) as days_since_event,
    cast(days_to_event as integer) as days_to_event,
    previous_event_name,
    next_event_name
from final
