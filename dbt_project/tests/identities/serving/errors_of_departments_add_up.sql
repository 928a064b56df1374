-- The errors of a store's departments add up to the error of the store.
with departments as (

    select
        run_id,
        store_id,
        target_date,
        sum(error) as error,
        sum(units) as units
    from {{ ref('rpt_bias_tracking') }}
    where level_name = 'store_department'
    group by run_id, store_id, target_date

),

stores as (

    select * from {{ ref('rpt_bias_tracking') }}
    where level_name = 'store'

),

validation_errors as (

    select
        stores.run_id,
        stores.store_id,
        stores.target_date,
        stores.error,
        departments.error as departments_error
    from stores
    left join departments
        on
            stores.run_id = departments.run_id
            and stores.store_id = departments.store_id
            and stores.target_date = departments.target_date
    where
        departments.error is null
        or abs(stores.error - departments.error) > 1e-3 * (1 + departments.units)

)

select * from validation_errors
