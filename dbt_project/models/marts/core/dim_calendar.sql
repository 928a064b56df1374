{%- set kinds = ['event', 'major_event'] -%}
{#- Events farther away count as this far. -#}
{%- set days_cap = 30 -%}

with calendar as (

    select * from {{ source_model('calendar') }}

),

weeks as (

    select * from {{ ref('int_calendar_weeks') }}

),

events as (

    select
        date,
        max(is_major_event) as is_major_event,
        -- The first by name of two major events on a day names the day.
        min(case when is_major_event = 1 then event_name end) as major_event_name
    from {{ ref('int_events') }}
    group by date

),

days as (

    select
        calendar.date,
        calendar.event_name_1 as event_name,
        events.major_event_name,
        case when calendar.event_name_1 is not null then calendar.date end as event_date,
        case when events.is_major_event = 1 then calendar.date end as major_event_date
    from calendar
    left join events on calendar.date = events.date

),

nearest as (

    select
        date,
        {%- for kind in kinds %}
        max({{ kind }}_date) over (order by date rows between unbounded preceding and current row) as previous_{{ kind }}_date,
        min({{ kind }}_date) over (order by date rows between current row and unbounded following) as next_{{ kind }}_date
        {{- ',' if not loop.last }}
        {%- endfor %}
    from days

),

around as (

    select
        nearest.date,
        {%- for kind in kinds %}
        case when nearest.previous_{{ kind }}_date = nearest.date then 1 else 0 end as is_{{ kind }},
        cast(
            least(
                coalesce({{ days_between('nearest.previous_' ~ kind ~ '_date', 'nearest.date') }}, {{ days_cap }}),
                {{ days_cap }}
            ) as integer
        ) as days_since_{{ kind }},
        cast(
            least(
                coalesce({{ days_between('nearest.date', 'nearest.next_' ~ kind ~ '_date') }}, {{ days_cap }}),
                {{ days_cap }}
            ) as integer
        ) as days_to_{{ kind }},
        previous_{{ kind }}s.{{ kind }}_name as previous_{{ kind }}_name,
        next_{{ kind }}s.{{ kind }}_name as next_{{ kind }}_name
        {{- ',' if not loop.last }}
        {%- endfor %}
    from nearest
    {%- for kind in kinds %}
    left join days as previous_{{ kind }}s on nearest.previous_{{ kind }}_date = previous_{{ kind }}s.date
    left join days as next_{{ kind }}s on nearest.next_{{ kind }}_date = next_{{ kind }}s.date
    {%- endfor %}

),

parts as (

    select
        date,
        cast(extract(day from date) as integer) as day_of_month,
        cast({{ days_between(dbt.date_trunc('year', 'date'), 'date') }} as integer) + 1 as day_of_year,
        cast(extract(month from date) as integer) as month,
        cast(extract(year from date) as integer) as year
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
        calendar.step_days,
        parts.day_of_month,
        parts.day_of_year,
        cast(floor((parts.day_of_year - 1) / 7.0) as integer) + 1 as week_of_year,
        parts.month,
        parts.year,

        ---------- events
        calendar.event_name_1,
        calendar.event_kind_1,
        calendar.event_name_2,
        calendar.event_kind_2,

        ---------- days around events
        {%- for kind in kinds %}
        around.is_{{ kind }},
        around.days_since_{{ kind }},
        around.days_to_{{ kind }},
        around.previous_{{ kind }}_name,
        around.next_{{ kind }}_name
        {{- ',' if not loop.last }}
        {%- endfor %}

    from calendar
    inner join weeks on calendar.week_id = weeks.week_id
    inner join parts on calendar.date = parts.date
    inner join around on calendar.date = around.date

)

select * from final
