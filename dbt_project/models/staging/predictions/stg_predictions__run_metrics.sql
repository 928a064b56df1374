with source as (

    select * from {{ source('predictions', 'run_metrics') }}

),

renamed as (

    select
        ---------- ids
        cast(source.run_id as {{ type_text() }}) as run_id,
        cast(source.fold as date) as fold,
        cast(source.model as {{ type_text() }}) as model,
        cast(source.level as integer) as level,
        cast(source.metric as {{ type_text() }}) as metric,

        ---------- values
        cast(source.value as {{ type_double() }}) as value

    from source
    inner join {{ ref('stg_predictions__model_runs') }} as runs on source.run_id = runs.run_id

)

select * from renamed
