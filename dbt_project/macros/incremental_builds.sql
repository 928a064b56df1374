{#- How incremental models find what changed. Every row that they keep says in `updated_at` which build wrote it; a
    build reads the rows of its parents that are newer than its own newest. So a build that was killed is made good by
    the next one, and a build without news writes nothing.
    What can only be seen by its absence (a series or a day is gone, a launch has moved, an item has another
    department) is a reset in int_series_versions or int_sales_versions: older tables are emptied and made anew. -#}

{#- The moment of this invocation in UTC, as SQL. -#}
{% macro built_at() -%}
    cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as {{ type_timestamp_utc() }})
{%- endmacro %}

{#- The last build that wrote this model, as SQL; the beginning of time if it must be made anew. -#}
{% macro last_built_at() -%}
    {%- set built = none if is_reset() else one_value('select max(updated_at) from ' ~ this) -%}
    cast('{{ built or "1970-01-01 00:00:00" }}' as {{ type_timestamp_utc() }})
{%- endmacro %}

{#- Whether a reset is newer than this model: then it is made anew. -#}
{% macro is_reset() -%}
    {%- set tables = [ref('int_series_versions'), ref('int_sales_versions')] -%}
    {%- if not execute or not is_incremental() -%}{{ return(false) }}{%- endif -%}
    {%- set built = one_value('select max(updated_at) from ' ~ this) -%}
    {%- set resets = [] -%}
    {%- for table in tables -%}
        {%- set reset = one_value('select max(reset_at) from ' ~ table) -%}
        {%- if reset is not none and (built is none or reset > built) -%}{%- do resets.append(reset) -%}{%- endif -%}
    {%- endfor -%}
    {{ return(resets | length > 0) }}
{%- endmacro %}

{#- A hook before an incremental model is built: empty it if it must be made anew. -#}
{% macro empty_if_reset() -%}
    {%- if is_reset() -%}delete from {{ this }}{%- endif -%}
{%- endmacro %}

{#- A hook before a model of as-of days is built: drop the days that the grid has no more.
    features: keep only days that features are made of. -#}
{% macro forget_as_of_days(features=true) -%}
    {%- set days = ref('int_as_of_days') -%}
    {%- if execute and is_incremental() -%}
        {%- set gone -%}
            select distinct as_of_date from {{ this }}
            where as_of_date not in (select as_of_date from {{ days }}{{ ' where is_feature_day = 1' if features }})
        {%- endset -%}
        {%- set dates = column_values(gone) -%}
        {%- if dates -%}
            delete from {{ this }} where as_of_date in (
                {%- for date in dates %}cast('{{ date }}' as date){{ ', ' if not loop.last }}{% endfor -%}
            )
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#- The values of a query's first column. -#}
{% macro column_values(query) -%}
    {{ return(run_query(query).columns[0].values() | list) }}
{%- endmacro %}

{#- The value of a query of one row and one column. -#}
{% macro one_value(query) -%}
    {{ return(column_values(query)[0]) }}
{%- endmacro %}

{#- A condition that a column has one of a query's values, which are asked for when the model is compiled: a literal
    list prunes what is read, where a join would not. Many values are no list. -#}
{% macro in_values_of(column, query) -%}
    {%- set values = column_values(query) -%}
    {%- if values | length == 0 -%}
        1 = 0
    {%- elif values | length > 100 -%}
        1 = 1
    {%- else -%}
        {{ column }} in ({{ values | join(', ') }})
    {%- endif -%}
{%- endmacro %}

{#- Two common tables of an incremental model of features: `affected`, the keys and as-of days to be computed, and
    `reread`, the weeks from int_series_weeks that their windows look at.
    An as-of day is computed for all keys where the model does not have it yet, and for a key where a week of the
    364 days before it has changed. -#}
{% macro affected_as_of_days(keys, since) -%}
known_days as (

    select distinct as_of_date from {{ this }}

),

feature_days as (

    select distinct
        days.as_of_date,
        days.as_of_weekday,
        case when known_days.as_of_date is null then 1 else 0 end as is_new
    from {{ ref('int_as_of_days') }} as days
    left join known_days on days.as_of_date = known_days.as_of_date
    where days.is_feature_day = 1

),

changed_weeks as (

    select
        {{ keys | join(',\n        ') }},
        as_of_weekday,
        min(as_of_date) as first_date,
        max(as_of_date) as last_date
    from {{ ref('int_series_weeks') }}
    where updated_at > {{ since }}
    group by {{ keys | join(', ') }}, as_of_weekday

),

affected as (

    select distinct
        {%- for key in keys %}
        weeks.{{ key }},
        {%- endfor %}
        weeks.as_of_date,
        weeks.as_of_weekday
    from {{ ref('int_series_weeks') }} as weeks
    inner join feature_days on weeks.as_of_date = feature_days.as_of_date
    where feature_days.is_new = 1
    union all
    select
        {%- for key in keys %}
        changed_weeks.{{ key }},
        {%- endfor %}
        feature_days.as_of_date,
        feature_days.as_of_weekday
    from changed_weeks
    inner join feature_days on changed_weeks.as_of_weekday = feature_days.as_of_weekday
    where
        feature_days.is_new = 0
        and feature_days.as_of_date >= changed_weeks.first_date
        and feature_days.as_of_date < {{ add_days('changed_weeks.last_date', 364) }}

),

look_back as (

    select
        {{ keys | join(',\n        ') }},
        as_of_weekday,
        {{ add_days('min(as_of_date)', -357) }} as first_date,
        max(as_of_date) as last_date
    from affected
    group by {{ keys | join(', ') }}, as_of_weekday

),

reread as (

    select weeks.*
    from {{ ref('int_series_weeks') }} as weeks
    inner join look_back
        on
            {%- for key in keys %}
            {{ 'and ' if not loop.first }}weeks.{{ key }} = look_back.{{ key }}
            {%- endfor %}
            and weeks.as_of_weekday = look_back.as_of_weekday
            and weeks.as_of_date >= look_back.first_date
            and weeks.as_of_date <= look_back.last_date

)
{%- endmacro %}
