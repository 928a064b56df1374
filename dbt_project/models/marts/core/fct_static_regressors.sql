with attributes as (

    select
        item_id,
        store_id,
        regressor,
        value
    from {{ source_model('attributes') }}

)

select * from attributes
