with sales as (

    select * from {{ source_model('sales') }}

),

prices as (

    select * from {{ ref('fct_prices') }}

),

final as (

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
        coalesce(prices.is_price_carried, 0) as is_price_carried

    from sales
    left join prices
        on
            sales.item_id = prices.item_id
            and sales.store_id = prices.store_id
            and sales.week_id = prices.week_id

)

select * from final
