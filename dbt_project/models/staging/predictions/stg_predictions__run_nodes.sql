with source as (

    select * from {{ source('predictions', 'run_nodes') }}

),

renamed as (

    select
        ---------- ids
        cast(source.run_id as {{ type_text() }}) as run_id,
        cast(source.node_id as {{ type_text() }}) as node_id,
        cast(source.region_id as {{ type_text() }}) as region_id,
        cast(source.store_id as {{ type_text() }}) as store_id,
        cast(source.category_id as {{ type_text() }}) as category_id,
        cast(source.department_id as {{ type_text() }}) as department_id,

        ---------- levels
        cast(source.level as integer) as level,
        cast(source.level_name as {{ type_text() }}) as level_name

    from source
    inner join {{ ref('stg_predictions__model_runs') }} as runs on source.run_id = runs.run_id

)

select * from renamed
