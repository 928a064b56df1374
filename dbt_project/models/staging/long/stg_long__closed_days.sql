with source as (

    select * from {{ source('long', 'closed_days') }}

),

renamed as (

    select
        cast(store_id as {{ type_text() }}) as store_id,
        cast(date as date) as date
    from source

)

select * from renamed
