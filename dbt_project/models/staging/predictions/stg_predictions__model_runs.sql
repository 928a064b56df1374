with source as (

    select * from {{ source('predictions', 'model_runs') }}

),

renamed as (

    select
        ---------- ids
        cast(run_id as {{ type_text() }}) as run_id,
        cast(model as {{ type_text() }}) as model,
        cast(version as {{ type_text() }}) as version,

        ---------- states
        cast(role as {{ type_text() }}) as role,

        ---------- dates and times
        cast(origin as date) as origin,
        cast(created_at as {{ type_timestamp_utc() }}) as created_at,
        cast(published_at as {{ type_timestamp_utc() }}) as published_at,

        ---------- quantities
        cast(horizon_days as integer) as horizon_days,
        cast(step_days as integer) as step_days,
        cast(series_count as integer) as series_count,
        cast(forecast_rows as integer) as forecast_rows,
        cast(node_rows as integer) as node_rows,

        ---------- provenance
        cast(git_commit as {{ type_text() }}) as git_commit,
        cast(data_fingerprint as {{ type_text() }}) as data_fingerprint

    from source
    -- A run that is not published may be half written: no report knows it.
    where status = 'published'

)

select * from renamed
