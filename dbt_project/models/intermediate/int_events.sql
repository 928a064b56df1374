with calendar as (

    select * from {{ source_model('calendar') }}

),

windows as (

    select * from {{ source_model('event_windows') }}

),

events as (

    select
        date,
        event_name_1 as event_name
    from calendar
    where event_name_1 is not null
    union all
    select
        date,
        event_name_2 as event_name
    from calendar
    where event_name_2 is not null

),

final as (

    select
        ---------- keys
        events.date,
        events.event_name,

        ---------- windows
        coalesce(windows.days_before, 0) as days_before,
        coalesce(windows.days_after, 0) as days_after,

        ---------- flags
        case when windows.event_name is not null then 1 else 0 end as is_major_event

    from events
    left join windows on events.event_name = windows.event_name

)

select * from final
