with sales as (

    select sales.*
    from {{ source_model('sales') }} as sales
    {{- join_changes('sales', ['item_id', 'store_id'], 'date') }}

),

prices as (

    select * from {{ ref('fct_prices') }}

),

priced as (

    select
        ---------- ids
        sales.item_id,
        sales.store_id,

        ---------- dates
        sales.date,

        ---------- quantities
        sales.units,
        prices.price,
        sales.units * prices.price as revenue,

        ---------- flags
        coalesce(prices.is_price_carried, 0) as is_price_carried,

        ---------- builds
        {{ built_at() }} as updated_at

    from sales
    left join prices
        on
            sales.item_id = prices.item_id
            and sales.store_id = prices.store_id
            and sales.week_id = prices.week_id

)

select * from priced
