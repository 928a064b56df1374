{#- Columns to rows: for each row of `relation` one row a column, with the rest of the column's name after
    `prefix` as the label. A select; rows without a value stay, so that the caller says what they mean.

    relation: what to select from.      columns: names, all starting with `prefix`.
    keys: columns to keep.              label, value: names of the two new columns.
    is_numeric: the labels are whole numbers (else text). -#}
{% macro unpivot_columns(relation, columns, prefix, keys, label, value, is_numeric=false) -%}
    {{ return(adapter.dispatch('unpivot_columns', 'retail_demand')(relation, columns, prefix, keys, label, value, is_numeric)) }}
{%- endmacro %}

{% macro unpivot_labels(columns, prefix, is_numeric) -%}
    {%- set labels = [] -%}
    {%- for column in columns -%}
        {%- set suffix = column[prefix | length:] -%}
        {%- do labels.append(suffix if is_numeric else "'" ~ suffix ~ "'") -%}
    {%- endfor -%}
    {{ return(labels) }}
{%- endmacro %}

{#- One scan a column: for few columns, on any engine. -#}
{% macro default__unpivot_columns(relation, columns, prefix, keys, label, value, is_numeric) -%}
    {%- set labels = unpivot_labels(columns, prefix, is_numeric) -%}
    {%- for column in columns %}
    select
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        {{ labels[loop.index0] }} as {{ label }},
        {{ column }} as {{ value }}
    from {{ relation }}
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Two lists unnested side by side: a third faster than DuckDB's own UNPIVOT, which labels rows with text.
    The list is made below the unnest, which would otherwise carry every column through it, ten times slower. -#}
{% macro duckdb__unpivot_columns(relation, columns, prefix, keys, label, value, is_numeric) -%}
    select
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        unnest([{{ unpivot_labels(columns, prefix, is_numeric) | join(', ') }}]) as {{ label }},
        unnest(column_values) as {{ value }}
    from (
        select
            {%- for key in keys %}
            {{ key }},
            {%- endfor %}
            [{{ columns | join(', ') }}] as column_values
        from {{ relation }}
    ) as listed
{%- endmacro %}

{#- stack() is ten times faster on Spark than its UNPIVOT. -#}
{% macro spark__unpivot_columns(relation, columns, prefix, keys, label, value, is_numeric) -%}
    {%- set labels = unpivot_labels(columns, prefix, is_numeric) -%}
    select
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        stack(
            {{ columns | length }}
            {%- for column in columns %}, {{ labels[loop.index0] }}, {{ column }}{% endfor %}
        ) as ({{ label }}, {{ value }})
    from {{ relation }}
{%- endmacro %}
