with series as (

    select distinct
        region_id,
        store_id,
        category_id,
        department_id
    from {{ ref('dim_series') }}

),

nodes as (

    {%- for level in aggregation_levels() %}
    select distinct
        {{ node_id(level) }} as node_id,
        {{ level.level }} as level,
        '{{ level.name }}' as level_name,
        {%- for key in ['region_id', 'store_id', 'category_id', 'department_id'] %}
        {{ key if key in level['keys'] else 'cast(null as ' ~ type_text() ~ ') as ' ~ key }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from series
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}

)

select * from nodes
