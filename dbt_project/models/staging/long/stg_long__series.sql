with sales as (

    select
        item_id,
        store_id,
        min(date) as launch_date
    from {{ source('long', 'sales') }}
    where units > 0
    group by item_id, store_id

),

items as (

    select * from {{ source('long', 'items') }}

),

stores as (

    select * from {{ source('long', 'stores') }}

),

final as (

    select
        ---------- ids
        cast(sales.item_id as {{ type_text() }}) as item_id,
        cast(sales.store_id as {{ type_text() }}) as store_id,
        cast(items.department_id as {{ type_text() }}) as department_id,
        cast(items.category_id as {{ type_text() }}) as category_id,
        cast(stores.region_id as {{ type_text() }}) as region_id,

        ---------- dates
        cast(sales.launch_date as date) as launch_date

    from sales
    inner join items on sales.item_id = items.item_id
    inner join stores on sales.store_id = stores.store_id

)

select * from final
