using Heed.Models;
using Heed.Engine.Nn;
using Heed.Models.Gpt2;
using Heed.Training.Runs;

namespace Heed.Training.Tests.Runs;

public class HeldOutEvaluationTests
{
    [Fact]
    public void Every_id_but_the_first_is_a_target_where_all_blocks_are_read()
    {
        using CausalLanguageModel model = CausalLanguageModel.Create(new Gpt2Config { Layers = 1, Heads = 2, Width = 16, Vocabulary = 50, ContextLength = 32, InitialDeviation = 0.2f }, new ParameterSet(ParameterSource.Random(1)));
        int[] ids = [.. Enumerable.Range(0, 23).Select(i => i * i % 50)];
        EvaluationReport Run(int most, int batch = 2) => new HeldOutEvaluation(model, ids, bytes: 100, length: 5, batch).Run(0, most);
        EvaluationReport all = Run(0);
        Assert.Equal(22, all.Tokens);
        Assert.Equal(all.Loss / Math.Log(2) * 23 / 100, all.BitsPerByte, 1e-12);
        // The last block is the mean's only difference from the four whole ones.
        EvaluationReport whole = Run(4), last = new HeldOutEvaluation(model, ids[20..], 100, 5, 1).Run(0);
        Assert.Equal((20, 2), (whole.Tokens, last.Tokens));
        Assert.Equal(((whole.Loss * 20) + (last.Loss * 2)) / 22, all.Loss, 1e-6);
        Assert.Equal((10, 22), (Run(2).Tokens, Run(5).Tokens));
        Assert.Equal(all, Run(0));
        Assert.Equal(all.Loss, Run(0, batch: 100).Loss, 1e-6);
        Assert.Throws<ArgumentOutOfRangeException>(() => Run(0, batch: 0));
    }
}
