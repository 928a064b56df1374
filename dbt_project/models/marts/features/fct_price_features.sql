{%- set series_in_order = 'partition by prices.item_id, prices.store_id order by prices.week_number' %}

with prices as (

    select
        prices.*,
        items.department_id
    from {{ ref('fct_prices') }} as prices
    inner join {{ ref('dim_items') }} as items on prices.item_id = items.item_id

),

-- A sum of floats depends on its order and a sum of decimals does not, so every build gives the same mean.
item_weeks as (

    select
        prices.item_id,
        prices.week_number,
        cast(sum(cast(prices.price as decimal(18, 4))) as {{ type_double() }}) / count(*) as price_mean
    from {{ ref('fct_prices') }} as prices
    group by prices.item_id, prices.week_number

),

compared as (

    select
        prices.*,
        item_weeks.price_mean as item_price_mean,
        lag(prices.price) over ({{ series_in_order }}) as price_before,
        min(prices.week_number) over ({{ series_in_order }} rows between unbounded preceding and current row) as first_week_number
    from prices
    inner join item_weeks
        on
            prices.item_id = item_weeks.item_id
            and prices.week_number = item_weeks.week_number

),

windows as (

    select
        prices.*,
        max(case when abs(prices.price - prices.price_before) > 1e-6 then prices.week_number end) over (
            {{ series_in_order }} rows between unbounded preceding and current row
        ) as change_week_number,
        max(prices.price) over ({{ series_in_order }} rows between unbounded preceding and current row) as price_max,
        {%- for weeks in [8, 52] %}
        cast(
            sum(cast(prices.price as decimal(18, 4))) over ({{ series_in_order }} rows between {{ weeks }} preceding and 1 preceding)
            as {{ type_double() }}
        ) / nullif(
            count(*) over ({{ series_in_order }} rows between {{ weeks }} preceding and 1 preceding), 0
        ) as price_mean_{{ weeks }}_weeks,
        {%- endfor %}
        percent_rank() over (
            partition by prices.store_id, prices.department_id, prices.week_number
            order by prices.price
        ) as price_rank
    from compared as prices

),

final as (

    select
        ---------- ids
        item_id,
        store_id,

        ---------- weeks
        week_id,
        week_number,
        week_first_date,

        ---------- prices
        price,
        coalesce(price_mean_8_weeks, price) as price_mean_8_weeks,
        coalesce(price_mean_52_weeks, price) as price_mean_52_weeks,
        price_max,

        ---------- against others
        price / nullif(item_price_mean, 0) as price_to_item_mean,
        price_rank as price_rank_in_department,

        ---------- age
        cast(week_number - coalesce(change_week_number, first_week_number) as integer) as weeks_since_price_change,

        ---------- builds
        {{ built_at() }} as updated_at

    from windows

)

select * from final
{%- if is_incremental() %}
where {{ after_first_change('week_first_date', kind='prices') }}
{%- endif %}
