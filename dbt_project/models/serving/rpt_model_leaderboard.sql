{{ refresh_in_place() }}

with runs as (

    select * from {{ ref('stg_predictions__model_runs') }}

),

-- Level 0 is the mean of the levels.
accuracy as (

    select * from {{ ref('rpt_accuracy_by_level') }}
    where
        level = 0
        and wrmsse is not null

),

contenders as (

    select
        run_id,
        count(distinct model) as models
    from accuracy
    group by run_id

),

-- A fold that only one forecaster was scored on would make the comparison unfair.
common_folds as (

    select
        accuracy.run_id,
        accuracy.fold
    from accuracy
    inner join contenders on accuracy.run_id = contenders.run_id
    group by accuracy.run_id, accuracy.fold, contenders.models
    having count(distinct accuracy.model) = contenders.models

),

scores as (

    select
        accuracy.run_id,
        accuracy.model,
        count(*) as folds,
        avg(accuracy.wrmsse) as wrmsse,
        avg(accuracy.wape) as wape,
        avg(accuracy.bias) as bias,
        avg(accuracy.wspl) as wspl,
        avg(accuracy.coverage_95) as coverage_95
    from accuracy
    inner join common_folds
        on
            accuracy.run_id = common_folds.run_id
            and accuracy.fold = common_folds.fold
    group by accuracy.run_id, accuracy.model

),

final as (

    select
        ---------- ids
        scores.run_id,
        scores.model,

        ---------- dates
        runs.origin,

        ---------- ranks
        cast(rank() over (partition by scores.run_id order by scores.wrmsse) as integer) as wrmsse_rank,
        cast(scores.folds as integer) as folds,

        ---------- metrics
        scores.wrmsse,
        scores.wape,
        scores.bias,
        scores.wspl,
        scores.coverage_95,

        ---------- flags
        case when scores.model = runs.model then 1 else 0 end as is_model_of_run

    from scores
    inner join runs on scores.run_id = runs.run_id

)

select * from final
