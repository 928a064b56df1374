{%- set since = last_built_at() if is_incremental() %}

with sales as (

    select * from {{ source_model('sales') }}

),

prices as (

    select * from {{ ref('fct_prices') }}

),

{% if is_incremental() -%}

changed_periods as (

    select
        item_id,
        store_id,
        period_id
    from {{ ref('int_sales_versions') }}
    where updated_at > {{ since }}

),

changed_prices as (

    select
        item_id,
        store_id,
        week_id
    from prices
    where updated_at > {{ since }}

),

-- A day in both is there once.
changed_sales as (

    select sales.*
    from sales
    inner join changed_periods
        on
            sales.item_id = changed_periods.item_id
            and sales.store_id = changed_periods.store_id
            and sales.period_id = changed_periods.period_id
    where {{ in_values_of('sales.period_id', 'select distinct period_id from ' ~ ref('int_sales_versions') ~ ' where updated_at > ' ~ since) }}
    union distinct
    select sales.*
    from sales
    inner join changed_prices
        on
            sales.item_id = changed_prices.item_id
            and sales.store_id = changed_prices.store_id
            and sales.week_id = changed_prices.week_id
    where {{ in_values_of('sales.week_id', 'select distinct week_id from ' ~ ref('fct_prices') ~ ' where updated_at > ' ~ since) }}

),

{% endif -%}

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

    from {{ 'changed_sales' if is_incremental() else 'sales' }} as sales
    left join prices
        on
            sales.item_id = prices.item_id
            and sales.store_id = prices.store_id
            and sales.week_id = prices.week_id

),

final as (

    select priced.*
    from priced
    {%- if is_incremental() %}
    -- Of a period that changed, only the days that did.
    left join {{ this }} as known
        on
            priced.item_id = known.item_id
            and priced.store_id = known.store_id
            and priced.date = known.date
    where
        known.item_id is null
        or priced.units <> known.units
        or coalesce(priced.price, -1) <> coalesce(known.price, -1)
        or priced.is_price_carried <> known.is_price_carried
    {%- endif %}

)

select * from final
