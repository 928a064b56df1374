with source as (

    select * from {{ source('predictions', 'node_forecasts') }}

),

renamed as (

    select
        ---------- ids
        cast(source.run_id as {{ type_text() }}) as run_id,
        cast(source.node_id as {{ type_text() }}) as node_id,

        ---------- dates
        cast(source.target_date as date) as target_date,

        ---------- units
        cast(source.mean as {{ type_double() }}) as units_mean,
        {%- for quantile in quantile_columns() %}
        cast(source.{{ quantile }} as {{ type_double() }}) as {{ quantile }}
        {{- ',' if not loop.last }}
        {%- endfor %}

    from source
    inner join {{ ref('stg_predictions__model_runs') }} as runs on source.run_id = runs.run_id

)

select * from renamed
