using System.Globalization;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Training.Logging;
using Heed.Training.Symptoms;
using Heed.Training.Tasks;

namespace Heed.Doctor.Tasks;

/// <summary>Rules on a task as it computes: which layers its loss reaches, and how it evaluates.</summary>
internal static class TaskRules
{
    public static void Judge(TrainingTask task, Notes notes, CancellationToken cancellationToken)
    {
        using ContextScope entered = task.Model.Context.Enter();
        notes.Judge(UnreachedLayers.Rule, () => Gradients(task, notes));
        notes.Judge(Rules.EvaluationInTrainingMode, () => Evaluation(task, notes, cancellationToken));
    }

    /// <summary>The gradients of one micro-batch; the weights stay as they are.</summary>
    private static void Gradients(TrainingTask task, Notes notes)
    {
        ParameterSet parameters = task.Model.Parameters;
        parameters.ClearGradients();
        try
        {
            using TensorScope scope = TensorScope.Begin();
            using Tape tape = Tape.Begin();
            IReadOnlyList<LossPart> parts = task.MicroBatchAt(0).Loss(new RunOptions { Logits = false, Dropout = new DropoutPlan(1, 0) });
            Variable? loss = null;
            foreach (LossPart part in parts.Where(p => p.Count > 0))
                loss = loss is { } before ? before + (part.Sum * (part.Weight / part.Count)) : part.Sum * (part.Weight / part.Count);
            if (loss is not { } whole) return;
            if (whole.NeedsGradient) tape.Backward(whole);
            if (UnreachedLayers.Of(parameters) is { } unreached)
            {
                notes.Add(unreached);
                return;
            }

            Parameter[] none = [.. parameters.Where(p => p.NeedsGradient && !p.MayBeUnused && p.Gradient is null)];
            if (none.Length == 0) return;
            notes.Add(UnreachedLayers.Rule, none[0].Name, string.Create(CultureInfo.InvariantCulture,
                $"{none.Length} of {parameters.Count} parameters get no gradient: the loss does not depend on them"),
                $"model.Parameters.Freeze(\"{none[0].Name}\") for what is not to learn; else do not build a Variable from x.Value "
                    + $"between layers.");
        }
        finally
        {
            parameters.ClearGradients();
        }
    }

    /// <summary>Evaluates twice, and counts the masks of dropout that are made meanwhile.</summary>
    private static void Evaluation(TrainingTask task, Notes notes, CancellationToken cancellationToken)
    {
        long before = task.Model.Context.DropoutMasks;
        if (task.Evaluate(all: false, cancellationToken) is not { } first) return;
        long masks = task.Model.Context.DropoutMasks - before;
        EvaluationReport second = task.Evaluate(all: false, cancellationToken)!;
        bool differs = !first.Loss.Equals(second.Loss) || first.Measures.Any(m => second[m.Key] is not { } again || !again.Equals(m.Value));
        if (masks == 0 && !differs) return;
        notes.Add(Rules.EvaluationInTrainingMode, $"{task.GetType().Name}.Evaluate", string.Create(CultureInfo.InvariantCulture,
            $"an evaluation makes {masks:N0} dropout masks; its loss is {first.Loss:0.#####} and then {second.Loss:0.#####}"),
            "In Evaluate run the model with RunOptions.Default: no Dropout.");
    }
}
