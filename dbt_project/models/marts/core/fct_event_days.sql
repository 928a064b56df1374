with calendar as (

    select date from {{ ref('dim_calendar') }}

),

events as (

    select * from {{ ref('int_events') }}

),

days as (

    select
        calendar.date,
        events.event_name,
        events.is_major_event,
        cast({{ days_between('events.date', 'calendar.date') }} as integer) as days_from_event
    from events
    inner join calendar
        on
            calendar.date >= {{ add_days('events.date', '-events.days_before') }}
            and calendar.date <= {{ add_days('events.date', 'events.days_after') }}

),

ranked as (

    select
        days.*,
        row_number() over (
            partition by days.date, days.event_name
            order by abs(days.days_from_event), days.days_from_event
        ) as nearness
    from days

)

select
    date,
    event_name,
    days_from_event,
    is_major_event
from ranked
where nearness = 1
