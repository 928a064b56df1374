with store_department_sales as (

    select * from {{ ref('int_store_department_sales') }}

),

node_sales as (

    {%- for level in aggregation_levels() %}
    select
        {{ node_id(level) }} as node_id,
        {{ level.level }} as level,
        {{ 'store_id' if 'store_id' in level['keys'] else 'cast(null as ' ~ type_text() ~ ') as store_id' }},
        date,
        sum(units) as units,
        round(sum(revenue), 2) as revenue,
        cast(sum(series_on_sale) as integer) as series_on_sale
    from store_department_sales
    group by
        {%- for key in level['keys'] %}
        {{ key }},
        {%- endfor %}
        date
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}

)

select * from node_sales
