{%- set mean_days = [7, 14, 28, 56, 91, 182, 364] %}
{%- set weekday_weeks = [1, 4, 8, 13, 26, 52] %}
{%- set lead_weeks = [1, 2, 3, 4] %}
{%- set node_in_order = 'partition by node_sales.node_id order by node_sales.date' %}

with node_sales as (

    select * from {{ ref('fct_node_sales') }}

),

calendar as (

    select
        date,
        weekday
    from {{ ref('dim_calendar') }}

),

means as (

    select
        node_sales.node_id,
        node_sales.level,
        node_sales.store_id,
        node_sales.date,
        node_sales.units,
        node_sales.series_on_sale,
        calendar.weekday,
        row_number() over ({{ node_in_order }}) as days_known,
        {%- for days in mean_days %}
        avg(node_sales.units) over ({{ node_in_order }} {{ trailing_rows(days) }}) as units_mean_{{ days }},
        {%- endfor %}
        {%- for weekday in range(1, 8) %}
        avg(case when calendar.weekday = {{ weekday }} then node_sales.units end) over (
            {{ node_in_order }} {{ trailing_rows(56) }}
        ) as weekday_{{ weekday }}_mean_56,
        {%- endfor %}
        {%- for weeks in weekday_weeks %}
        avg(node_sales.units) over (
            partition by node_sales.node_id, calendar.weekday
            order by node_sales.date
            {{ trailing_rows(weeks) }}
        ) as same_weekday_mean_{{ weeks * 7 }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from node_sales
    inner join calendar on node_sales.date = calendar.date

),

weeks as (

    select
        node_id,
        date,
        case when days_known >= 7 then units_mean_7 end as units_mean
    from means

),

final as (

    select
        ---------- ids
        means.node_id,
        means.level,
        means.store_id,

        ---------- dates
        means.date as as_of_date,

        ---------- level
        means.units,
        means.series_on_sale,
        cast(means.days_known as integer) as days_known,
        {%- for days in mean_days %}
        case when means.days_known >= {{ days }} then means.units_mean_{{ days }} end as units_mean_{{ days }},
        {%- endfor %}

        ---------- weekdays
        {%- for weekday in range(1, 8) %}
        case when means.days_known >= 56 then means.weekday_{{ weekday }}_mean_56 end as weekday_{{ weekday }}_mean_56,
        {%- endfor %}
        {%- for weeks in weekday_weeks %}
        case when means.days_known >= {{ weeks * 7 }} then means.same_weekday_mean_{{ weeks * 7 }} end as same_weekday_mean_{{ weeks * 7 }},
        {%- endfor %}

        ---------- last year
        {%- for week in lead_weeks %}
        week_{{ week }}.units_mean as last_year_lead_week_{{ week }}_mean
        {{- ',' if not loop.last }}
        {%- endfor %}

    from means
    -- The week that a lead week is the analogue of ends 52 weeks before it does: on the same weekday, and known.
    {%- for week in lead_weeks %}
    left join weeks as week_{{ week }}
        on
            means.node_id = week_{{ week }}.node_id
            and {{ add_days('means.date', week * 7 - 364) }} = week_{{ week }}.date
    {%- endfor %}

)

select * from final
