{#- Frames of whole weeks or days that end at the current row, e.g. trailing_rows(4) is this row and the three before. -#}
{% macro trailing_rows(rows) -%}
    rows between {{ rows - 1 }} preceding and current row
{%- endmacro %}
