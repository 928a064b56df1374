with calendar as (

    select * from {{ ref('dim_calendar') }}

),

windows as (

    select * from {{ source_model('event_windows') }}

),

events as (

    select date as event_date, event_name_1 as event_name from calendar where event_name_1 is not null
    union
    select date as event_date, event_name_2 as event_name from calendar where event_name_2 is not null

),

spans as (

    select
        events.event_name,
        events.event_date,
        coalesce(windows.days_before, 0) as days_before,
        coalesce(windows.days_after, 0) as days_after
    from events
    left join windows
        on events.event_name = windows.event_name

),

marked as (

    select
        calendar.date,
        spans.event_name,
        {{ dbt.datediff('spans.event_date', 'calendar.date', 'day') }} as days_from_event,
        spans.days_before,
        spans.days_after
    from spans
    cross join calendar

),

within_window as (

    select
        date,
        event_name,
        cast(days_from_event as integer) as days_from_event
    from marked
    where days_from_event between -days_before and days_after

)

select * from within_window
