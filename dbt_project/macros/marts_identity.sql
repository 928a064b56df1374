{#- What the marts were built from: one row in core.marts_identity, which is complete only after a build of every
    model and seed of the warehouse zone. A build that is under way, was killed, failed or covered a part leaves
    `fingerprint` null, so nobody takes its marts for those of the raw tables. `code_version` is what `demand` passes
    (DEMAND_MARTS_CODE: the project's code, target and variables); a bare `dbt build` leaves it empty, and the next
    `demand run` builds anew. -#}

{#- A hook before dbt's first node: the marts are about to change. The code version stays if the same code builds on. -#}
{% macro forget_marts_identity() -%}
    {%- if execute and changed_marts() -%}
        {%- set known = marts_identity() -%}
        {%- set code = '' -%}
        {%- if known is not none and not flags.FULL_REFRESH -%}
            {%- set code = one_value('select max(code_version) from ' ~ known) or '' -%}
        {%- endif -%}
        {{ marts_identity_table(code if code == env_var('DEMAND_MARTS_CODE', '') else '', none) }}
    {%- endif -%}
{%- endmacro %}

{#- A hook after dbt's last node: if every model of the zone was built, say from what. -#}
{% macro record_marts_identity(results) -%}
    {%- if execute and changed_marts() -%}
        {%- set built = results | selectattr('status', 'eq', 'success') | map(attribute='node.unique_id') | list -%}
        {%- set log = ingest_log() -%}
        {%- if log is not none and not (warehouse_nodes() | reject('in', built) | list) -%}
            {{ marts_identity_table(env_var('DEMAND_MARTS_CODE', ''), log) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#- The table of one row, in a transaction of its own: the one that the macros' questions opened would be rolled back
    after the last hook. `log` is the ingest's; none while the marts belong to no one state of the raw tables. -#}
{% macro marts_identity_table(code, log) -%}
    {%- do adapter.commit() -%}
    create or replace table {{ api.Relation.create(**marts_identity_name()) }} {% if target.type == 'databricks' %}using delta {% endif %}as
    select
        {% if log is none -%}
        cast(null as {{ type_text() }}) as fingerprint, cast(null as {{ type_text() }}) as stores,
        {%- else -%}
        fingerprint, stores,
        {%- endif %}
        cast('{{ code }}' as {{ type_text() }}) as code_version,
        cast('{{ invocation_id }}' as {{ type_text() }}) as invocation_id
    {% if log is not none %}from {{ log }}{% endif %}
{%- endmacro %}

{#- Whether this command writes models or seeds of the warehouse zone. -#}
{% macro changed_marts() -%}
    {{ return(flags.WHICH in ('build', 'run', 'seed') and warehouse_nodes() | select('in', selected_resources) | list | length > 0) }}
{%- endmacro %}

{#- The ids of the zone's models and seeds. -#}
{% macro warehouse_nodes() -%}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values() -%}
        {%- if node.resource_type in ('model', 'seed') and 'warehouse' in node.tags and node.config.materialized != 'ephemeral' -%}
            {%- do found.append(node.unique_id) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{#- The identity's name. -#}
{% macro marts_identity_name() -%}
    {{ return({'database': generate_database_name(), 'schema': generate_schema_name('core', {'fqn': []}), 'identifier': 'marts_identity'}) }}
{%- endmacro %}

{#- The identity's relation; none before the first build. -#}
{% macro marts_identity() -%}
    {{ return(adapter.get_relation(**marts_identity_name())) }}
{%- endmacro %}

{#- The ingest's log, beside the source's raw tables; none where they were not loaded by `demand ingest`. -#}
{% macro ingest_log() -%}
    {%- set raw = graph.sources.values() | selectattr('source_name', 'eq', var('source')) | first -%}
    {{ return(adapter.get_relation(raw.database, raw.schema, 'ingest_log')) }}
{%- endmacro %}
