with declared_regressors as (

    select
        regressor,
        availability,
        column_name
    from {{ source_model('declared_regressors') }}

)

select * from declared_regressors
