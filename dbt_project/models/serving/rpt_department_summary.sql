{{ refresh_in_place() }}

with runs as (

    select * from {{ ref('stg_predictions__model_runs') }}

),

departments as (

    select * from {{ ref('stg_predictions__run_nodes') }}
    where level_name = 'store_department'

),

forecasts as (

    select * from {{ ref('stg_predictions__node_forecasts') }}

),

active_runs as (

    select * from {{ ref('stg_predictions__active_runs') }}

),

history as (

    select * from {{ ref('stg_predictions__node_history') }}

),

recent as (

    select
        history.run_id,
        history.node_id,
        avg(history.units) as units_mean_last_28
    from history
    inner join runs on history.run_id = runs.run_id
    where
        history.date > {{ add_days('runs.origin', -28) }}
        and history.date <= runs.origin
    group by history.run_id, history.node_id

),

final as (

    select
        ---------- ids
        departments.run_id,
        departments.store_id,
        departments.department_id,
        departments.category_id,
        departments.region_id,

        ---------- dates
        forecasts.target_date,

        ---------- forecast units
        forecasts.units_mean,
        forecasts.q_0_025,
        forecasts.q_0_975,

        ---------- actual units
        recent.units_mean_last_28,
        last_year.units as units_same_day_last_year,

        ---------- flags
        case when active_runs.run_id is not null then 1 else 0 end as is_active

    from departments
    inner join forecasts
        on
            departments.run_id = forecasts.run_id
            and departments.node_id = forecasts.node_id
    left join recent
        on
            departments.run_id = recent.run_id
            and departments.node_id = recent.node_id
    left join active_runs
        on
            departments.run_id = active_runs.run_id
            and departments.store_id = active_runs.store_id
    -- 52 weeks back is the same weekday.
    left join history as last_year
        on
            departments.run_id = last_year.run_id
            and departments.node_id = last_year.node_id
            and last_year.date = {{ add_days('forecasts.target_date', -364) }}

)

select * from final
