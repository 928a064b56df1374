with sales as (

    select sales.*
    from {{ ref('fct_daily_sales') }} as sales
    {{- join_changes('sales', ['store_id'], 'date') }}

),

items as (

    select * from {{ ref('dim_items') }}

),

stores as (

    select * from {{ ref('dim_stores') }}

),

summed as (

    select
        sales.store_id,
        items.department_id,
        items.category_id,
        sales.date,
        sum(sales.units) as units,
        sum(sales.revenue) as revenue,
        count(*) as series_on_sale
    from sales
    inner join items on sales.item_id = items.item_id
    group by sales.store_id, items.department_id, items.category_id, sales.date

),

final as (

    select
        ---------- ids
        stores.region_id,
        summed.store_id,
        summed.category_id,
        summed.department_id,

        ---------- dates
        summed.date,

        ---------- quantities
        summed.units,
        -- Cents: a sum of floats depends on its order, a rounded one does not.
        round(summed.revenue, 2) as revenue,
        cast(summed.series_on_sale as integer) as series_on_sale,

        ---------- builds
        {{ built_at() }} as updated_at

    from summed
    inner join stores on summed.store_id = stores.store_id

)

select * from final
