with source as (

    select * from {{ source('long', 'events') }}

),

windows as (

    select
        cast(event_name as {{ type_text() }}) as event_name,
        cast(max(days_before) as integer) as days_before,
        cast(max(days_after) as integer) as days_after
    from source
    group by event_name

),

final as (

    select *
    from windows
    where days_before > 0 or days_after > 0

)

select * from final
