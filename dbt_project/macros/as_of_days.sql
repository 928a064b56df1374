{#- The var as_of_step_days in weeks, or an error that names it: windows are whole weeks back from an as-of day. -#}
{% macro as_of_step_weeks() -%}
    {%- set days = var('as_of_step_days') | int -%}
    {%- if days < 7 or days % 7 != 0 -%}
        {{ exceptions.raise_compiler_error('The var as_of_step_days must be a multiple of 7, not ' ~ var('as_of_step_days') ~ '.') }}
    {%- endif -%}
    {{ return(days // 7) }}
{%- endmacro %}

{#- The first day of the grid of as-of days, as SQL. -#}
{% macro first_as_of_day() -%}
    cast('{{ var("first_as_of_day") }}' as date)
{%- endmacro %}

{#- A select: the as-of days of `keys` that an incremental build computes, which are those from the first changed day
    on, and those that the model does not have yet.
    features: only days that features are made for. -#}
{% macro replaced_as_of_days(keys, features=true) -%}
    select
        {%- for key in keys %}
        series.{{ key }},
        {%- endfor %}
        days.as_of_date,
        days.as_of_weekday
    from (
        select distinct {{ keys | join(', ') }}
        from {{ ref('int_series_versions') }}
    ) as series
    cross join (
        select distinct
            as_of_date,
            as_of_weekday
        from {{ ref('int_as_of_days') }}
        {{- ' where is_feature_day = 1' if features }}
    ) as days
    left join ({{ changes(keys) }}) as changes
        on
            {%- for key in keys %}
            {{ 'and ' if not loop.first }}series.{{ key }} = changes.{{ key }}
            {%- endfor %}
    left join (select distinct as_of_date from {{ this }}) as known on days.as_of_date = known.as_of_date
    where
        known.as_of_date is null
        or days.as_of_date >= changes.first_changed_date
{%- endmacro %}

{#- A join that keeps the as-of days to be computed: nothing in a full build.
    relation: alias that has the columns `keys`. days: alias that has as_of_date, if another one. -#}
{% macro join_as_of_days(relation, keys, days=none, features=true) -%}
    {%- if is_incremental() %}
    inner join ({{ replaced_as_of_days(keys, features) }}) as replaced
        on
            {{ days or relation }}.as_of_date = replaced.as_of_date
            {%- for key in keys %}
            and {{ relation }}.{{ key }} = replaced.{{ key }}
            {%- endfor %}
    {%- endif -%}
{%- endmacro %}

{#- A join that keeps the weeks which the windows of the as-of days to be computed look at: nothing in a full build. -#}
{% macro join_look_back(relation, keys) -%}
    {%- if is_incremental() %}
    inner join (
        select
            {{ keys | join(', ') }},
            as_of_weekday,
            {{ add_days('min(as_of_date)', -357) }} as first_date
        from ({{ replaced_as_of_days(keys) }}) as replaced
        group by {{ keys | join(', ') }}, as_of_weekday
    ) as look_back
        on
            {{ relation }}.as_of_weekday = look_back.as_of_weekday
            {%- for key in keys %}
            and {{ relation }}.{{ key }} = look_back.{{ key }}
            {%- endfor %}
            and {{ relation }}.as_of_date >= look_back.first_date
    {%- endif -%}
{%- endmacro %}

{#- A hook: delete the as-of days that the grid no longer has. -#}
{% macro delete_outdated_as_of_days(features=true) -%}
    {%- set days = ref('int_as_of_days') -%}
    {%- if is_incremental() -%}
    merge into {{ this }} as known
    using (
        select distinct as_of_date
        from {{ this }}
        where as_of_date not in (
            select as_of_date
            from {{ days }}
            {{- ' where is_feature_day = 1' if features }}
        )
    ) as outdated
        on known.as_of_date = outdated.as_of_date
    when matched then delete
    {%- endif -%}
{%- endmacro %}
