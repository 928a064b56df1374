{#- Incremental builds replace a series' rows from its first changed day on.

    int_series_versions keeps a digest of every period of every series and the build that last saw it change. An
    incremental model deletes, in a hook, its rows of the series that changed since its own last build, from the first
    changed day on, and inserts them as they are now. Rows that the source no longer has go in the same way: their
    period has changed, and nothing takes their place. -#}

{#- The start of this invocation (UTC), as SQL. -#}
{% macro built_at() -%}
    cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as {{ type_timestamp_utc() }})
{%- endmacro %}

{#- Condition on int_series_versions: changed since the last build that wrote this model, which need not be the last
    build: one that was killed is caught up with.
    kind: `prices` for models that sales do not matter to. -#}
{% macro is_changed(kind=none) -%}
    {%- set built = one_value('select max(updated_at) from ' ~ this) -%}
    updated_at > cast('{{ built or "1970-01-01 00:00:00" }}' as {{ type_timestamp_utc() }})
    {%- if kind %} and kind = '{{ kind }}'{% endif %}
{%- endmacro %}

{#- A select: first_changed_date by `keys` (columns of a series). -#}
{% macro changes(keys, kind=none) -%}
    select
        {{ keys | join(', ') }},
        min(first_date) as first_changed_date
    from {{ ref('int_series_versions') }}
    where {{ is_changed(kind) }}
    group by {{ keys | join(', ') }}
{%- endmacro %}

{#- A condition: `day` is not before the first change of any series. A literal, which engines prune files by. -#}
{% macro after_first_change(day, kind=none) -%}
    {%- set first = one_value('select min(first_date) from ' ~ ref('int_series_versions') ~ ' where ' ~ is_changed(kind)) -%}
    {{ day ~ " >= cast('" ~ first ~ "' as date)" if first else '1 = 0' }}
{%- endmacro %}

{#- A join that keeps the rows to be replaced: nothing in a full build.
    relation: alias in the query; it has the columns `keys` and `day`. -#}
{% macro join_changes(relation, keys, day, kind=none) -%}
    {%- if is_incremental() %}
    inner join ({{ changes(keys, kind) }}) as changes
        on
            {%- for key in keys %}
            {{ 'and ' if not loop.first }}{{ relation }}.{{ key }} = changes.{{ key }}
            {%- endfor %}
            and {{ relation }}.{{ day }} >= changes.first_changed_date
            and {{ after_first_change(relation ~ '.' ~ day, kind) }}
    {%- endif -%}
{%- endmacro %}

{#- A hook before an incremental model is built: delete the rows that it is about to replace.
    keys: none means that a change of one series replaces the rows of all. -#}
{% macro delete_changes(keys, day, kind=none) -%}
    {%- set _ = ref('int_series_versions') -%}{#- a dependency in every build, so that dbt orders the models -#}
    {%- if is_incremental() and not keys -%}
    delete from {{ this }} where {{ after_first_change(day, kind) }}
    {%- elif is_incremental() -%}
    merge into {{ this }} as known
    using ({{ changes(keys, kind) }}) as changes
        on
            {%- for key in keys %}
            {{ 'and ' if not loop.first }}known.{{ key }} = changes.{{ key }}
            {%- endfor %}
            and known.{{ day }} >= changes.first_changed_date
            and {{ after_first_change('known.' ~ day, kind) }}
    when matched then delete
    {%- endif -%}
{%- endmacro %}

{#- A hook after int_series_versions is built: forget removed periods that a change of an earlier period covers. Days
    become periods of 28 days, so they would pile up otherwise. -#}
{% macro delete_covered_removals() -%}
    {%- if is_incremental() -%}
    merge into {{ this }} as known
    using (
        select
            item_id,
            store_id,
            kind,
            min(first_date) as first_changed_date
        from {{ this }}
        where
            updated_at = {{ built_at() }}
            and digest is not null
        group by item_id, store_id, kind
    ) as changes
        on
            known.item_id = changes.item_id
            and known.store_id = changes.store_id
            and known.kind = changes.kind
            and known.first_date >= changes.first_changed_date
            and known.digest is null
    when matched then delete
    {%- endif -%}
{%- endmacro %}

{#- The value of a query of one row and one column. -#}
{% macro one_value(query) -%}
    {{ return(run_query(query).columns[0].values()[0] if execute else none) }}
{%- endmacro %}
