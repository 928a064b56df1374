with regressors as (

    select
        item_id,
        store_id,
        date,
        regressor,
        value
    from {{ source_model('regressors') }}

)

select * from regressors
