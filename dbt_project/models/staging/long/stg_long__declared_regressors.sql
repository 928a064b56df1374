with source as (

    select * from {{ source('long', 'declared_regressors') }}

),

renamed as (

    select
        cast(regressor as {{ type_text() }}) as regressor,
        cast(availability as {{ type_text() }}) as availability,
        cast(column_name as {{ type_text() }}) as column_name,
        cast(given_from as date) as given_from,
        cast(given_until as date) as given_until
    from source

)

select * from renamed
