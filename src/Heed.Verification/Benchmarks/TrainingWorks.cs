using Heed.Engine.Nn;
using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Bert;
using Heed.Models.Gpt2;
using Heed.Training.Data;
using Heed.Training.Runs;
using Heed.Training.Schedules;
using Heed.Training.Tasks;

namespace Heed.Verification.Benchmarks;

/// <summary>Whole steps of training: forward, backward, clipping and AdamW.</summary>
internal static class TrainingWorks
{
    private const int StateBytes = 16;      // a parameter's weight, gradient and two moments

    /// <summary>The works.</summary>
    public static IEnumerable<BenchmarkWork> All()
    {
        BenchmarkGoal small = new(0.70, 0.78), large = new(0.64, 0.72);
        yield return new BenchmarkWork("train/char-gpt", () => Causal(BenchmarkModels.CharGpt, 256, 16)) { Goal = small };
        yield return new BenchmarkWork("train/char-gpt-checkpointed", () => Causal(BenchmarkModels.CharGpt, 256, 16, checkpoints: true));
        yield return new BenchmarkWork("train/gpt2-124m", () => Causal(BenchmarkModels.Gpt2, 256, 2)) { Goal = large };
        yield return new BenchmarkWork("train/gpt2-124m-checkpointed", () => Causal(BenchmarkModels.Gpt2, 256, 2, checkpoints: true));
        yield return new BenchmarkWork("train/finetune-minilm-16x64", () => Classifier(BenchmarkModels.MiniLm, 64, 16)) { Goal = large };
        yield return new BenchmarkWork("scaling/train-char-gpt-1-thread", () => Causal(BenchmarkModels.CharGpt, 256, 16))
        {
            Threads = 1,
            Goal = small,
        };
    }

    private static BenchmarkStep Causal(Gpt2Config config, int length, int batch, bool checkpoints = false)
    {
        CausalLanguageModel model = CausalLanguageModel.Create(config, BenchmarkModels.Weights());
        AdamW optimizer = new(model.Parameters) { WeightDecay = 0.1 };
        TrainingConfig run = new() { Steps = long.MaxValue, GradientCheckpointing = checkpoints };
        CausalLanguageModelTask task = new(
            model, null, TokenCorpus.Of(BenchmarkModels.Ids(length * batch * 8, config.Vocabulary), []),
            new TextTaskSettings { BlockLength = length, BatchSize = batch });
        Trainer trainer = new(task, optimizer, new ConstantSchedule(1e-4), run);
        return new BenchmarkStep(() => trainer.TakeStep(), model, optimizer, task)
        {
            Units = length * batch,
            Operations = length * batch * Forecast.Of(model, run, batch, length, 0).OperationsPerToken,
            StateBytes = StateBytes * model.Parameters.Values,
        };
    }

    private static BenchmarkStep Classifier(BertConfig config, int length, int batch)
    {
        SequenceClassifier model = SequenceClassifier.Create(config, BenchmarkModels.Weights());
        AdamW optimizer = new(model.Parameters) { WeightDecay = 0.01 };
        int[][] texts = BenchmarkModels.Texts(Enumerable.Repeat(length, batch), config.Vocabulary);
        ModelInputs inputs = EncodingWorks.Grid(texts) with { Labels = TokenGrid.Of([.. texts.Select((_, b) => (int[])[b % 2])]) };
        return new BenchmarkStep(() =>
        {
            using (TensorScope scope = TensorScope.Begin())
            using (Tape tape = Tape.Begin())
                tape.Backward(model.Run(inputs).Losses[0].Sum * (1f / batch));
            optimizer.Step(2e-5, GlobalNorm.Factor(GlobalNorm.Of(model.Parameters), 1));
            model.Parameters.ClearGradients();
        }, model, optimizer)
        {
            Units = length * batch,
            Operations = 3 * BenchmarkModels.EncoderOperations(config, texts.Select(t => t.Length)),
            StateBytes = StateBytes * model.Parameters.Values,
        };
    }
}
