using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Bert;
using Heed.Verification;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.Bert;

/// <summary>Faults that are easily made: each must be found by the reference values.</summary>
public class BertFaultTests
{
    private const string Layer = "bert.encoder.layer.0.";

    private static VerifyOptions Change(Action<Model> change) => new() { Change = change };

    private static VerifyOptions Configure(Func<BertConfig, BertConfig> change) => new() { Configure = config => change((BertConfig)config) };

    private static VerifyOptions Replace(string site, Func<Variable, Variable> change) => new() { Hooks = () => new Hooks().Replace(site, (_, x) => change(x)) };

    private static void Edit(Model model, string name, Func<float[], float[]> edit)
    {
        Parameter parameter = model.Parameters[name];
        parameter.Assign(Tensor.Create(edit(parameter.ToTensor().ToArray()), parameter.Shape));
    }

    private static float[] Zero(float[] values) => new float[values.Length];

    private static readonly Dictionary<string, (string Case, VerifyOptions Options)> Faults = new()
    {
        ["a dropped bias"] = ("bert-mlm", Change(m => Edit(m, Layer + "attention.self.value.bias", Zero))),
        ["a dropped bias of the output"] = ("bert-mlm", Change(m => Edit(m, "cls.predictions.bias", Zero))),
        ["another activation"] = ("bert-mlm", Configure(c => c with { Activation = Activation.GeluTanh })),
        ["another epsilon"] = ("bert-mlm", Configure(c => c with { NormEpsilon = 1e-5f })),
        ["queries and keys exchanged"] = ("bert-mlm", Change(m =>
        {
            foreach (string part in (string[])["weight", "bias"])
            {
                float[] query = m.Parameters[$"{Layer}attention.self.query.{part}"].ToTensor().ToArray();
                Edit(m, $"{Layer}attention.self.query.{part}", _ => m.Parameters[$"{Layer}attention.self.key.{part}"].ToTensor().ToArray());
                Edit(m, $"{Layer}attention.self.key.{part}", _ => query);
            }
        })),
        ["scores that are not scaled"] = ("bert-mlm", Replace("blocks.1.attn.q", q => q * MathF.Sqrt(q.Shape.Last))),
        ["segments left out"] = ("bert-mlm", Change(m => Edit(m, "bert.embeddings.token_type_embeddings.weight", Zero))),
        ["positions one too far"] = ("bert-mlm", Change(m => Edit(m, "bert.embeddings.position_embeddings.weight", v => [.. v[36..], .. v[..36]]))),
        ["a layer without its attention"] = ("bert-mlm", Replace("blocks.0.attn.out", x => x * 0)),
        ["a parameter that does not train"] = ("bert-mlm", Change(m => m.Parameters[Layer + "output.dense.weight"].NeedsGradient = false)),
        ["a pooler without its bias"] = ("bert-sequence", Change(m => Edit(m, "bert.pooler.dense.bias", Zero))),
        ["several labels taken for a regression"] = ("bert-multilabel", Configure(c => c with { ClassificationKind = ClassificationKind.Regression })),
        ["positions of RoBERTa without their offset"] = ("roberta-mlm", Change(m => Edit(m, "roberta.embeddings.position_embeddings.weight", v => [.. v[72..], .. v[..72]]))),
        ["a padding row that is not kept out of the gradient"] = ("roberta-mlm", Change(m => Edit(m, "roberta.embeddings.word_embeddings.weight", v =>
        {
            v.AsSpan(36, 36).Fill(1);
            return v;
        }))),
    };

    public static TheoryData<string> Names => [.. Faults.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_planted_fault_is_found(string fault)
    {
        (string name, VerifyOptions options) = Faults[fault];
        VerifyResult result = ModelVerifier.Run(Path.Combine(Repository.Goldens, "models", name), options with { Generation = false });
        Assert.Null(result.Error);
        Assert.False(result.Passed, $"{fault}: {result}");
        Assert.True(result.Worst!.Distance > 3 * result.Worst.Tolerance, $"{fault} is found, but barely: {result}");
    }
}
