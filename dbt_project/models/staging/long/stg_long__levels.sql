with source as (

    select * from {{ source('long', 'levels') }}

),

renamed as (

    select
        cast(level as integer) as level,
        cast(level_name as {{ type_text() }}) as level_name,
        cast(same_as as {{ type_text() }}) as same_as
    from source

)

select * from renamed
