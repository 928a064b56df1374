with declared_regressors as (

    select
        regressor,
        availability,
        column_name,
        given_from,
        given_until
    from {{ source_model('declared_regressors') }}

)

select * from declared_regressors
