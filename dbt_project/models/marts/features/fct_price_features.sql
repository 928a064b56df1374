{%- set series_in_order = 'partition by prices.item_id, prices.store_id order by prices.week_number' %}
{%- set since = last_built_at() if is_incremental() %}

{#- Prices have no common table: one that is used more than once is made whole before it is used. -#}
{%- set prices_of_departments -%}
    {{ ref('fct_prices') }} as prices
    inner join {{ ref('dim_items') }} as items on prices.item_id = items.item_id
{%- endset %}

with {% if is_incremental() -%}

changed as (

    select
        prices.item_id,
        prices.store_id,
        prices.week_number,
        items.department_id
    from {{ prices_of_departments }}
    where prices.updated_at > {{ since }}

),

changed_series as (

    select
        item_id,
        store_id,
        min(week_number) as first_week_number
    from changed
    group by item_id, store_id

),

changed_item_weeks as (

    select distinct
        item_id,
        week_number
    from changed

),

changed_department_weeks as (

    select distinct
        store_id,
        department_id,
        week_number
    from changed

),

-- A price counts for its own series from its week on, and in its week for the item in other stores and for the store's department.
affected as (

    select
        prices.item_id,
        prices.store_id,
        prices.week_number
    from {{ ref('fct_prices') }} as prices
    inner join changed_series
        on
            prices.item_id = changed_series.item_id
            and prices.store_id = changed_series.store_id
            and prices.week_number >= changed_series.first_week_number
    union distinct
    select
        prices.item_id,
        prices.store_id,
        prices.week_number
    from {{ ref('fct_prices') }} as prices
    inner join changed_item_weeks
        on
            prices.item_id = changed_item_weeks.item_id
            and prices.week_number = changed_item_weeks.week_number
    union distinct
    select
        prices.item_id,
        prices.store_id,
        prices.week_number
    from {{ prices_of_departments }}
    inner join changed_department_weeks
        on
            prices.store_id = changed_department_weeks.store_id
            and items.department_id = changed_department_weeks.department_id
            and prices.week_number = changed_department_weeks.week_number

),

affected_items as (

    select distinct item_id from affected

),

affected_departments as (

    select distinct
        affected.store_id,
        items.department_id
    from affected
    inner join {{ ref('dim_items') }} as items on affected.item_id = items.item_id

),

{% endif -%}

-- Ranks need whole departments, windows whole series.
prices as (

    select
        prices.*,
        items.department_id
    from {{ prices_of_departments }}
    {%- if is_incremental() %}
    inner join affected_departments
        on
            prices.store_id = affected_departments.store_id
            and items.department_id = affected_departments.department_id
    {%- endif %}

),

-- A sum of floats depends on its order, one of decimals does not: every build gives the same mean, here and below.
item_weeks as (

    select
        prices.item_id,
        prices.week_number,
        cast(sum(cast(prices.price as decimal(18, 4))) as {{ type_double() }}) / count(*) as price_mean
    from {{ ref('fct_prices') }} as prices
    {%- if is_incremental() %}
    inner join affected_items on prices.item_id = affected_items.item_id
    {%- endif %}
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

{% if is_incremental() -%}

select final.*
from final
inner join affected
    on
        final.item_id = affected.item_id
        and final.store_id = affected.store_id
        and final.week_number = affected.week_number

{%- else -%}

select * from final

{%- endif %}
