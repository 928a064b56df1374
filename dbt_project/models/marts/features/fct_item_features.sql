{%- set mean_days = [7, 28, 56, 91, 364] %}
{%- set item_in_order = 'partition by item_id, as_of_weekday order by as_of_date' %}

with series_weeks as (

    select weeks.*
    from {{ ref('int_series_weeks') }} as weeks
    {{- join_look_back('weeks', ['item_id']) }}

),

feature_days as (

    select distinct as_of_date
    from {{ ref('int_as_of_days') }}
    where is_feature_day = 1

),

weeks as (

    select
        item_id,
        as_of_date,
        as_of_weekday,
        count(*) as stores_on_sale,
        sum(units) as units,
        {%- for weekday in range(1, 8) %}
        sum(coalesce(weekday_{{ weekday }}_units, 0)) as weekday_{{ weekday }}_units
        {{- ',' if not loop.last }}
        {%- endfor %}
    from series_weeks
    group by item_id, as_of_date, as_of_weekday

),

means as (

    select
        ---------- ids
        item_id,

        ---------- dates
        as_of_date,

        ---------- age
        cast(stores_on_sale as integer) as stores_on_sale,

        ---------- level
        {%- for days in mean_days %}
        sum(units) over ({{ item_in_order }} {{ trailing_rows(days // 7) }}) / {{ days }} as units_mean_{{ days }},
        {%- endfor %}

        ---------- weekdays
        {%- for weekday in range(1, 8) %}
        sum(weekday_{{ weekday }}_units) over ({{ item_in_order }} {{ trailing_rows(8) }}) / 8 as weekday_{{ weekday }}_mean_56
        {{- ',' if not loop.last }}
        {%- endfor %}

    from weeks

),

final as (

    select
        means.*,
        {{ built_at() }} as updated_at
    from means
    inner join feature_days on means.as_of_date = feature_days.as_of_date
    {{- join_as_of_days('means', ['item_id']) }}

)

select * from final
