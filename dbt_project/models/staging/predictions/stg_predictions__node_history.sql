with source as (

    select * from {{ source('predictions', 'node_history') }}

),

renamed as (

    select
        ---------- ids
        cast(source.run_id as {{ type_text() }}) as run_id,
        cast(source.node_id as {{ type_text() }}) as node_id,

        ---------- dates
        cast(source.date as date) as date,

        ---------- units
        cast(source.units as {{ type_double() }}) as units

    from source
    inner join {{ ref('stg_predictions__model_runs') }} as runs on source.run_id = runs.run_id

)

select * from renamed
