with sales as (

    select * from {{ ref('fct_daily_sales') }}

),

days as (

    select * from {{ ref('int_as_of_days') }}

),

weeks as (

    select
        ---------- ids
        sales.item_id,
        sales.store_id,

        ---------- weeks
        days.as_of_date,

        ---------- quantities
        count(*) as days_on_sale,
        sum(sales.units) as units,
        sum(sales.units * sales.units) as units_squared,
        sum(case when sales.units > 0 then 1 else 0 end) as sale_days,
        max(case when sales.units > 0 then sales.date end) as last_sale_date,
        {%- for weekday in range(1, 8) %}
        sum(case when days.weekday = {{ weekday }} then sales.units end) as weekday_{{ weekday }}_units
        {{- ',' if not loop.last }}
        {%- endfor %}

    from sales
    inner join days on sales.date = days.date
    group by sales.item_id, sales.store_id, days.as_of_date

),

final as (

    select
        item_id,
        store_id,
        as_of_date,
        cast(days_on_sale as integer) as days_on_sale,
        units,
        units_squared,
        cast(sale_days as integer) as sale_days,
        last_sale_date,
        {%- for weekday in range(1, 8) %}
        weekday_{{ weekday }}_units
        {{- ',' if not loop.last }}
        {%- endfor %}
    from weeks

)

select * from final
