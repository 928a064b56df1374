with regressors as (

    select regressors.*
    from {{ ref('fct_regressors') }} as regressors
    inner join {{ ref('dim_regressors') }} as declared on regressors.regressor = declared.regressor
    where declared.availability = 'known'

),

series as (

    select
        item_id,
        store_id,
        department_id,
        launch_date
    from {{ ref('dim_series') }}

),

summed as (

    select
        series.store_id,
        series.department_id,
        regressors.date,
        regressors.regressor,
        sum(regressors.value) as value,
        sum(case when regressors.value is null then 1 else 0 end) as series_unknown
    from regressors
    inner join series
        on
            regressors.item_id = series.item_id
            and regressors.store_id = series.store_id
            and regressors.date >= series.launch_date
    group by series.store_id, series.department_id, regressors.date, regressors.regressor

),

launches as (

    select
        store_id,
        department_id,
        launch_date,
        count(*) as series_launched
    from series
    group by store_id, department_id, launch_date

),

on_sale as (

    select
        summed.store_id,
        summed.department_id,
        summed.date,
        summed.regressor,
        summed.value,
        summed.series_unknown,
        sum(launches.series_launched) as series_on_sale
    from summed
    inner join launches
        on
            summed.store_id = launches.store_id
            and summed.department_id = launches.department_id
            and summed.date >= launches.launch_date
    group by summed.store_id, summed.department_id, summed.date, summed.regressor, summed.value, summed.series_unknown

),

final as (

    select
        store_id,
        department_id,
        date,
        regressor,
        -- The mean over the series whose value is known; null if none is.
        case
            when series_unknown < series_on_sale
                then coalesce(value, 0) / nullif(series_on_sale - series_unknown, 0)
        end as value
    from on_sale

)

select * from final
