using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Models.Bert;
using Heed.Models.Gpt2;
using Heed.Models.T5;

namespace Heed.Models.Tests;

/// <summary>The steps of a model that a caller runs one by one compute in the model's own context, as <see cref="Model.Run"/> does.</summary>
public class ModelContextTests
{
    private static readonly int[] Targets = [2, 3, 4];

    private static TokenBatch Batch => TokenBatch.Of([1, 2, 3]);

    public static TheoryData<string> Kinds => ["causal", "encoder", "masked", "sequence to sequence"];

    private static Model Make(string kind)
    {
        ParameterSet set = new(ParameterSource.Random(3));
        BertConfig bert = new() { Vocabulary = 11, Width = 16, Layers = 2, Heads = 2, PositionRows = 16 };
        return kind switch
        {
            "causal" => CausalLanguageModel.Create(new Gpt2Config { Layers = 2, Heads = 2, Width = 16, ContextLength = 16, Vocabulary = 11 }, set),
            "encoder" => EncoderModel.Create(bert, set),
            "masked" => MaskedLanguageModel.Create(bert, set),
            _ => SequenceToSequenceModel.Create(
                new T5Config { Layers = 2, Width = 16, Heads = 2, HeadWidth = 8, InnerWidth = 20, Vocabulary = 11, PaddingId = 0, EndId = 1 }, set),
        };
    }

    /// <summary>Each public step, under its name.</summary>
    private static IEnumerable<KeyValuePair<string, Func<Variable>>> Steps(Model model)
    {
        ForwardContext reading = Batch.Context();
        Variable hidden = default;
        switch (model)
        {
            case CausalLanguageModel causal:
                yield return new("Hidden", () => hidden = causal.Hidden(Batch, Batch.Context()));
                yield return new("Logits", () => causal.Logits(hidden));
                yield return new("LossSum", () => causal.LossSum(hidden, Targets));
                break;
            case EncoderModel encoder:
                yield return new("Encode", () => hidden = encoder.Encode(Batch, Batch.Context()));
                if (encoder is not MaskedLanguageModel masked) break;
                yield return new("Logits", () => masked.Logits(hidden));
                yield return new("LossSum", () => masked.LossSum(hidden, Targets));
                break;
            case SequenceToSequenceModel both:
                yield return new("Encode", () => hidden = both.Encode(Batch, reading));
                yield return new("Decode", () => hidden = both.Decode(Batch, hidden, Batch.Context(memory: reading)));
                yield return new("Logits", () => both.Logits(hidden));
                yield return new("LossSum", () => both.LossSum(hidden, Targets));
                break;
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Each_step_computes_in_the_models_context_whatever_the_callers(string kind)
    {
        using ComputeContext one = new(new ComputeOptions { Threads = 1 }), two = new(new ComputeOptions { Threads = 2 }), callers = new(new ComputeOptions { Threads = 1 });
        Model first, second;
        using (one.Enter()) first = Make(kind);
        using (two.Enter()) second = Make(kind);
        List<float[]> found = [];
        foreach (Model model in (Model[])[first, second])
        {
            using ContextScope entered = callers.Enter();
            using TensorScope scope = TensorScope.Begin();
            foreach ((string name, Func<Variable> step) in Steps(model))
            {
                long before = callers.Memory.UsedBytes;
                found.Add(step().Value.ToArray());
                Assert.True(before == callers.Memory.UsedBytes, $"{name} took memory of the caller's context");
                Assert.Same(callers, ComputeContext.Current);
            }

            model.Dispose();
        }

        // Threads change no bit.
        for (int i = 0; i < found.Count / 2; i++) Assert.Equal(found[i], found[i + (found.Count / 2)]);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void No_step_begins_in_a_context_that_was_disposed(string kind)
    {
        ComputeContext context = new(new ComputeOptions { Threads = 1 });
        Model model;
        using (context.Enter()) model = Make(kind);
        using TensorScope scope = TensorScope.Begin();
        Func<Variable>[] steps = [.. Steps(model).Select(step => step.Value)];
        foreach (Func<Variable> step in steps) step();
        context.Dispose();
        Assert.All(steps, step => Assert.Throws<ObjectDisposedException>(() => step()));
        model.Dispose();
    }
}
