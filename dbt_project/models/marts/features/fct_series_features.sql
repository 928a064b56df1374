{%- set mean_days = [7, 14, 28, 56, 91, 182, 364] %}
{%- set spread_days = [28, 91] %}
{%- set weekday_days = [7, 28, 56, 91, 182] %}
{%- set series_in_order = 'partition by item_id, store_id order by as_of_date' %}

with weeks as (

    select * from {{ ref('int_series_weeks') }}

),

-- One sort: every window below has this partition and order, and differs in its frame alone.
sums as (

    select
        item_id,
        store_id,
        as_of_date,
        sum(days_on_sale) over ({{ series_in_order }} rows between unbounded preceding and current row) as days_on_sale,
        max(last_sale_date) over ({{ series_in_order }} rows between unbounded preceding and current row) as last_sale_date,
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

as_of_days as (

    select * from {{ ref('int_as_of_days') }}
    where days_before_as_of = 0 and mod(weeks_before_last, {{ as_of_step_weeks() }}) = 0

),

means as (

    select
        sums.*,
        {%- for days in mean_days %}
        sums.units_{{ days }} / least(sums.days_on_sale, {{ days }}) as units_mean_{{ days }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from sums
    inner join as_of_days on sums.as_of_date = as_of_days.as_of_date

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
                when last_sale_date is null then days_on_sale
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

        ---------- weekdays
        {%- for weekday in range(1, 8) %}
        {%- for days in weekday_days %}
        weekday_{{ weekday }}_mean_{{ days }}
        {{- ',' if not (loop.last and weekday == 7) }}
        {%- endfor %}
        {%- endfor %}

    from means

)

select * from final
