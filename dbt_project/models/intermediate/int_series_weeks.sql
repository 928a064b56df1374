{%- set since = last_built_at() if is_incremental() %}

with days as (

    select * from {{ ref('int_as_of_days') }}

),

{% if is_incremental() -%}

known_days as (

    select distinct as_of_date from {{ this }}

),

new_days as (

    select days.*
    from days
    left join known_days on days.as_of_date = known_days.as_of_date
    where known_days.as_of_date is null

),

changed_weeks as (

    select distinct
        sales.item_id,
        sales.store_id,
        days.as_of_date
    from {{ ref('fct_daily_sales') }} as sales
    inner join days on sales.date = days.date
    left join new_days
        on
            days.date = new_days.date
            and days.as_of_date = new_days.as_of_date
    where
        sales.updated_at > {{ since }}
        and new_days.date is null

),

{% endif -%}

-- Sales have no common table: one that is used more than once is made whole before it is used.
weekly_sales as (

    {% if is_incremental() -%}
    select
        sales.*,
        new_days.as_of_date,
        new_days.as_of_weekday,
        new_days.weekday
    from {{ ref('fct_daily_sales') }} as sales
    inner join new_days on sales.date = new_days.date
    union all
    select
        sales.*,
        days.as_of_date,
        days.as_of_weekday,
        days.weekday
    from {{ ref('fct_daily_sales') }} as sales
    inner join days on sales.date = days.date
    inner join changed_weeks
        on
            sales.item_id = changed_weeks.item_id
            and sales.store_id = changed_weeks.store_id
            and days.as_of_date = changed_weeks.as_of_date
    {%- else -%}
    select
        sales.*,
        days.as_of_date,
        days.as_of_weekday,
        days.weekday
    from {{ ref('fct_daily_sales') }} as sales
    inner join days on sales.date = days.date
    {%- endif %}

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

    from weekly_sales
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
