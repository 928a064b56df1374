{{ refresh_in_place() }}

{%- set metrics = ['wrmsse', 'wape', 'bias', 'rmsse', 'mase', 'wspl', 'coverage_95'] %}

with metrics as (

    select * from {{ ref('stg_predictions__run_metrics') }}

),

pivoted as (

    select
        ---------- ids
        run_id,
        fold,
        model,
        level,

        ---------- metrics
        {%- for metric in metrics %}
        max(case when metric = '{{ metric }}' then value end) as {{ metric }}
        {{- ',' if not loop.last }}
        {%- endfor %}

    from metrics
    group by run_id, fold, model, level

)

select * from pivoted
-- Leaves out rows with nothing but `seconds`, the time that a fold took.
where coalesce({{ metrics | join(', ') }}) is not null
