with source as (

    select * from {{ ref('m5_event_windows') }}

),

renamed as (

    select
        cast(event_name as {{ type_text() }}) as event_name,
        cast(days_before as integer) as days_before,
        cast(days_after as integer) as days_after
    from source

)

select * from renamed
