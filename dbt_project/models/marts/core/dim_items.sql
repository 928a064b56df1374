with items as (

    select distinct
        item_id,
        department_id,
        category_id
    from {{ source_model('series') }}

)

select * from items
