with stores as (

    select distinct
        store_id,
        region_id
    from {{ source_model('series') }}

)

select * from stores
