with closed_days as (

    select
        store_id,
        date
    from {{ source_model('closed_days') }}

)

select * from closed_days
