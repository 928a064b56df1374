{#- The nine levels of aggregate nodes: level i is the i-th, with the columns that identify its nodes. -#}
{% macro aggregation_levels() -%}
    {{ return([
        {'level': 1, 'name': 'total', 'keys': []},
        {'level': 2, 'name': 'region', 'keys': ['region_id']},
        {'level': 3, 'name': 'store', 'keys': ['store_id']},
        {'level': 4, 'name': 'category', 'keys': ['category_id']},
        {'level': 5, 'name': 'department', 'keys': ['department_id']},
        {'level': 6, 'name': 'region_category', 'keys': ['region_id', 'category_id']},
        {'level': 7, 'name': 'region_department', 'keys': ['region_id', 'department_id']},
        {'level': 8, 'name': 'store_category', 'keys': ['store_id', 'category_id']},
        {'level': 9, 'name': 'store_department', 'keys': ['store_id', 'department_id']},
    ]) }}
{%- endmacro %}

{#- SQL text of a node's id: the level's name, a colon, the key values joined by '|'; `total` for level 1. -#}
{% macro node_id(level) -%}
    {%- if not level['keys'] -%}
        '{{ level.name }}'
    {%- else -%}
        {%- set parts = ["'" ~ level.name ~ ":'"] -%}
        {%- for key in level['keys'] -%}
            {%- if not loop.first -%}{%- do parts.append("'|'") -%}{%- endif -%}
            {%- do parts.append(key) -%}
        {%- endfor -%}
        {{ dbt.concat(parts) }}
    {%- endif -%}
{%- endmacro %}
