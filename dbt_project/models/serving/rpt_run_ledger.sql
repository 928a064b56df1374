{{ refresh_in_place() }}

with runs as (

    select * from {{ ref('stg_predictions__model_runs') }}

),

series as (

    select
        run_id,
        count(*) as series,
        count(distinct store_id) as stores
    from {{ ref('stg_predictions__run_series') }}
    group by run_id

),

forecasts as (

    select
        run_id,
        count(*) as forecast_rows,
        count(q_0_5) as quantile_rows,
        min(target_date) as first_target_date,
        max(target_date) as last_target_date,
        sum(units_mean) as units_mean
    from {{ ref('stg_predictions__forecasts') }}
    group by run_id

),

served as (

    select
        run_id,
        count(*) as stores_served,
        max(activated_at) as activated_at
    from {{ ref('stg_predictions__active_runs') }}
    group by run_id

),

final as (

    select
        ---------- ids
        runs.run_id,
        runs.model,
        runs.version,

        ---------- states
        runs.role,
        case when served.run_id is not null then 1 else 0 end as is_active,
        case when forecasts.quantile_rows = forecasts.forecast_rows then 1 else 0 end as has_quantiles,

        ---------- dates and times
        runs.origin,
        forecasts.first_target_date,
        forecasts.last_target_date,
        runs.created_at,
        runs.published_at,
        served.activated_at,

        ---------- quantities
        runs.horizon_days,
        runs.step_days,
        cast(series.series as integer) as series,
        cast(series.stores as integer) as stores,
        cast(coalesce(served.stores_served, 0) as integer) as stores_served,
        cast(forecasts.forecast_rows as integer) as forecast_rows,
        forecasts.units_mean,

        ---------- provenance
        runs.git_commit,
        runs.data_fingerprint

    from runs
    left join series on runs.run_id = series.run_id
    left join forecasts on runs.run_id = forecasts.run_id
    left join served on runs.run_id = served.run_id

)

select * from final
