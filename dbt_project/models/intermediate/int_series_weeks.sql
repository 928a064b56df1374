with sales as (

    select
        sales.*,
        days.as_of_date,
        days.as_of_weekday,
        days.weekday
    from {{ ref('fct_daily_sales') }} as sales
    inner join {{ ref('int_as_of_days') }} as days on sales.date = days.date
    {{- join_as_of_days('sales', ['item_id', 'store_id'], days='days', features=false) }}

),

weeks as (

    select
        ---------- ids
        item_id,
        store_id,

        ---------- weeks
        as_of_date,
        as_of_weekday,

        ---------- quantities
        count(*) as days_on_sale,
        sum(units) as units,
        sum(units * units) as units_squared,
        sum(case when units > 0 then 1 else 0 end) as sale_days,
        max(case when units > 0 then date end) as last_sale_date,
        {%- for weekday in range(1, 8) %}
        sum(case when weekday = {{ weekday }} then units end) as weekday_{{ weekday }}_units
        {{- ',' if not loop.last }}
        {%- endfor %}

    from sales
    group by item_id, store_id, as_of_date, as_of_weekday

),

final as (

    select
        item_id,
        store_id,
        as_of_date,
        as_of_weekday,
        cast(days_on_sale as integer) as days_on_sale,
        units,
        units_squared,
        cast(sale_days as integer) as sale_days,
        last_sale_date,
        {%- for weekday in range(1, 8) %}
        weekday_{{ weekday }}_units,
        {%- endfor %}
        {{ built_at() }} as updated_at
    from weeks

)

select * from final
