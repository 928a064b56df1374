{%- set mean_days = [7, 14, 28, 56, 91, 182, 364] %}
{%- set spread_days = [28, 91] %}
{%- set weekday_days = [7, 28, 56, 91, 182] %}
{%- set series_in_order = 'partition by item_id, store_id, as_of_weekday order by as_of_date' %}

with weeks as (

    select weeks.*
    from {{ ref('int_series_weeks') }} as weeks
    {{- join_look_back('weeks', ['item_id', 'store_id']) }}

),

series as (

    select * from {{ ref('dim_series') }}

),

feature_days as (

    select distinct as_of_date
    from {{ ref('int_as_of_days') }}
    where is_feature_day = 1

),

-- One sort: every window below has this partition and order, and differs in its frame alone.
sums as (

    select
        item_id,
        store_id,
        as_of_date,
        max(last_sale_date) over ({{ series_in_order }} {{ trailing_rows(52) }}) as last_sale_date,
        {%- for days in mean_days %}
        sum(units) over ({{ series_in_order }} {{ trailing_rows(days // 7) }}) as units_{{ days }},
        {%- endfor %}
        {%- for days in spread_days %}
        sum(units_squared) over ({{ series_in_order }} {{ trailing_rows(days // 7) }}) as units_squared_{{ days }},
        {%- endfor %}
        {%- for days in spread_days + [364] %}
        sum(sale_days) over ({{ series_in_order }} {{ trailing_rows(days // 7) }}) as sale_days_{{ days }},
        {%- endfor %}
        {%- for weekday in range(1, 8) %}
        {%- for days in weekday_days %}
        avg(weekday_{{ weekday }}_units) over ({{ series_in_order }} {{ trailing_rows(days // 7) }}) as weekday_{{ weekday }}_mean_{{ days }},
        {%- endfor %}
        {%- endfor %}
        sum(units_squared) over ({{ series_in_order }} {{ trailing_rows(52) }}) as units_squared_364
    from weeks

),

aged as (

    select
        sums.*,
        {{ days_between('series.launch_date', 'sums.as_of_date') }} + 1 as days_on_sale
    from sums
    inner join feature_days on sums.as_of_date = feature_days.as_of_date
    {{- join_as_of_days('sums', ['item_id', 'store_id']) }}
    inner join series
        on
            sums.item_id = series.item_id
            and sums.store_id = series.store_id

),

means as (

    select
        aged.*,
        {%- for days in mean_days %}
        aged.units_{{ days }} / least(aged.days_on_sale, {{ days }}) as units_mean_{{ days }},
        {%- endfor %}
        -- Syntetos, Boylan and Croston's measures: days between sales, squared coefficient of variation of their sizes.
        cast(least(aged.days_on_sale, 364) as {{ type_double() }}) / nullif(aged.sale_days_364, 0) as demand_interval,
        aged.units_364 / nullif(aged.sale_days_364, 0) as sale_size
    from aged

),

classed as (

    select
        means.*,
        (means.units_squared_364 / nullif(means.sale_days_364, 0) - means.sale_size * means.sale_size)
        / nullif(means.sale_size * means.sale_size, 0) as sale_size_cv2
    from means

),

final as (

    select
        ---------- ids
        item_id,
        store_id,

        ---------- dates
        as_of_date,

        ---------- age
        cast(days_on_sale as integer) as days_on_sale,
        cast(
            case
                when last_sale_date is null then least(days_on_sale, 364)
                else {{ days_between('last_sale_date', 'as_of_date') }}
            end as integer
        ) as days_since_last_sale,

        ---------- level
        {%- for days in mean_days %}
        units_mean_{{ days }},
        {%- endfor %}

        ---------- spread
        {%- for days in spread_days %}
        sqrt(
            greatest(
                units_squared_{{ days }} / least(days_on_sale, {{ days }}) - units_mean_{{ days }} * units_mean_{{ days }},
                0
            )
        ) as units_std_{{ days }},
        {%- endfor %}
        {%- for days in spread_days %}
        1 - cast(sale_days_{{ days }} as {{ type_double() }}) / least(days_on_sale, {{ days }}) as zero_share_{{ days }},
        {%- endfor %}

        ---------- demand
        demand_interval,
        sale_size_cv2,
        case
            when days_on_sale < 56 or sale_days_364 = 0 then 'new'
            when demand_interval < 1.32 and sale_size_cv2 < 0.49 then 'smooth'
            when demand_interval < 1.32 then 'erratic'
            when sale_size_cv2 < 0.49 then 'intermittent'
            else 'lumpy'
        end as demand_class,

        ---------- weekdays
        {%- for weekday in range(1, 8) %}
        {%- for days in weekday_days %}
        weekday_{{ weekday }}_mean_{{ days }},
        {%- endfor %}
        {%- endfor %}

        ---------- builds
        {{ built_at() }} as updated_at

    from classed

)

select * from final
