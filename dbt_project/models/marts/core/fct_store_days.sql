with node_sales as (

    select * from {{ ref('fct_node_sales') }}

),

final as (

    select
        ---------- ids
        store_id,

        ---------- dates
        date,

        ---------- quantities
        units,
        revenue,
        series_on_sale,

        ---------- flags
        case when units = 0 then 1 else 0 end as is_without_sales

    from node_sales
    where level = 3

)

select * from final
